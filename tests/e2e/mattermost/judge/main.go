// Command judge tells of each line of an import file what the server's own validators say: "ok", the id of the error,
// "decode" where it does not fit the server's types, or "panic" where it would end the server's process.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/mattermost/mattermost/server/public/model"
	"github.com/mattermost/mattermost/server/v8/channels/app/imports"
)

const maxPostSize = 16383

func judge(raw []byte) (said string) {
	defer func() {
		if recover() != nil {
			said = "panic"
		}
	}()
	var line imports.LineImportData
	if err := json.Unmarshal(raw, &line); err != nil {
		return "decode"
	}
	var err *model.AppError
	switch line.Type {
	case "team":
		err = imports.ValidateTeamImportData(line.Team)
	case "channel":
		err = imports.ValidateChannelImportData(line.Channel)
	case "user":
		err = imports.ValidateUserImportData(line.User)
	case "bot":
		err = imports.ValidateBotImportData(line.Bot)
	case "post":
		err = imports.ValidatePostImportData(line.Post, maxPostSize)
	case "direct_channel":
		err = imports.ValidateDirectChannelImportData(line.DirectChannel)
	case "direct_post":
		err = imports.ValidateDirectPostImportData(line.DirectPost, maxPostSize)
	case "emoji":
		err = imports.ValidateEmojiImportData(line.Emoji)
	default:
		return "type"
	}
	if err != nil {
		return err.Id
	}
	return "ok"
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		raw, err := in.ReadBytes('\n')
		if len(raw) > 0 {
			fmt.Fprintln(out, judge(raw))
		}
		if err != nil {
			return
		}
	}
}
