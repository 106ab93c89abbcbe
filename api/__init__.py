"""The HTTP side of Ponte: Twilio's webhooks, the agent API, events, health and metrics.

``api.app.create_app`` builds it; ``api.serving.run_api`` runs it until a signal comes.
"""
