"""WhatsApp through Twilio: sending, looking up, and reading webhooks."""
