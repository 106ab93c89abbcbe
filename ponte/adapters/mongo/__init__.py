"""The store for several machines: any MongoDB from 4.4 on."""

from ponte.adapters.mongo.checkpoints import MongoCheckpoints, open_mongo_checkpoints
from ponte.adapters.mongo.media import MongoMedia
from ponte.adapters.mongo.store import MongoStore, open_mongo

__all__ = ["MongoCheckpoints", "MongoMedia", "MongoStore", "open_mongo", "open_mongo_checkpoints"]
