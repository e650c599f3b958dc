"""Distillation: from a network's own deeper layers, or from a teacher."""
