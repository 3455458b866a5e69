// The sources of this target replace this file.
