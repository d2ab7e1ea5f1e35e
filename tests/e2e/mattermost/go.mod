module mattermost-for-tests

go 1.25.0

require (
	github.com/mattermost/mattermost/server/public v0.1.22-0.20251028162707-35dd8dea5008
	github.com/mattermost/mattermost/server/v8 v8.0.0-20251028162707-35dd8dea5008
)

replace github.com/olekukonko/tablewriter => github.com/olekukonko/tablewriter v0.0.5
