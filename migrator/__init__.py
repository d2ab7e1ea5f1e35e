"""slack-migrator: moves a Slack workspace into Matrix, Zulip or Mattermost, and proves that everything arrived."""

__version__ = "0.1.0"
