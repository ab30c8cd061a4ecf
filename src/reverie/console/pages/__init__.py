"""The pages: a module for each part of the console, and beside it its templates."""
