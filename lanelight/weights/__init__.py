"""The bundled networks: NAME.onnx with NAME.json (manifest), NAME.safetensors (to train on from) and NAME.md (card)."""
