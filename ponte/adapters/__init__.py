"""The only places that import pymongo, sqlite3 or twilio."""
