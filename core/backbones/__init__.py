"""Pretrained image backbones: what there is, how each divides into blocks, how one is built."""
