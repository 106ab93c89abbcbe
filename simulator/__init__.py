"""A local WhatsApp: stand-ins for Twilio and for OpenAI, for demos, tests and crash tests.

Nothing here imports the product. `simulator.app.create_app` is the Twilio side with its phone page,
`simulator.openai_stub.create_stub_app` the model's side, `simulator.serving.serve` runs either.
"""
