module oracle

go 1.25.0

require github.com/mattermost/mattermost/server/public v0.1.22-0.20251028162707-35dd8dea5008
