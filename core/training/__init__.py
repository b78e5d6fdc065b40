"""From a plan to a trained model: fields and bounds, feeding, assembly, the engine."""
