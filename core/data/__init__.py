"""From a folder of images, a zip or a sample to a checked dataset, split and ready to train on."""
