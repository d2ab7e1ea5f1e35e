"""The Mattermost road on a real server; run by `make test-mattermost`."""
