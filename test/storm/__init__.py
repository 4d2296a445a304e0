"""The storm, held to a short one."""
