"""What the files of a build context show before the build: missing content, credentials, dead weight."""
