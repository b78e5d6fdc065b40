"""What the frozen part of a backbone makes of images, kept on disk and shared by runs."""
