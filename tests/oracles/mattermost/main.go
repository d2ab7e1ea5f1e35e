// Command oracle parses Mattermost posts with the server's own package: JSON strings on stdin, one a line; on stdout,
// one a line, {"words": what is shown, "code": code spans and blocks, "links": destinations, "emoji": their names}.
// The package knows blocks, links, code, escapes and entities; emphasis, headings and tables are text to it.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"

	"github.com/mattermost/mattermost/server/public/shared/markdown"
)

type shown struct {
	Words string   `json:"words"`
	Code  []string `json:"code"`
	Links []string `json:"links"`
	Emoji []string `json:"emoji"`
}

func parse(source string) shown {
	out := shown{Code: []string{}, Links: []string{}, Emoji: []string{}}
	var words strings.Builder
	markdown.Inspect(source, func(node any) bool {
		switch v := node.(type) {
		case *markdown.Paragraph, *markdown.ListItem, *markdown.BlockQuote:
			words.WriteString("\n")
		case *markdown.Text:
			words.WriteString(v.Text)
		case *markdown.CodeSpan:
			words.WriteString(v.Code)
			out.Code = append(out.Code, v.Code)
		case *markdown.FencedCode:
			words.WriteString("\n" + v.Code())
			out.Code = append(out.Code, v.Code())
		case *markdown.IndentedCode:
			words.WriteString("\n" + v.Code())
			out.Code = append(out.Code, v.Code())
		case *markdown.SoftLineBreak, *markdown.HardLineBreak:
			words.WriteString("\n")
		case *markdown.InlineLink:
			out.Links = append(out.Links, v.Destination())
		case *markdown.InlineImage:
			out.Links = append(out.Links, "image:"+v.Destination())
		case *markdown.Autolink:
			for _, child := range v.Children { // Inspect does not go into these
				if text, ok := child.(*markdown.Text); ok {
					words.WriteString(text.Text)
				}
			}
			out.Links = append(out.Links, v.Destination())
		case *markdown.Emoji:
			words.WriteString(":" + v.Name + ":")
			out.Emoji = append(out.Emoji, v.Name)
		}
		return true
	})
	out.Words = words.String()
	return out
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var source string
		if err := json.Unmarshal(lines.Bytes(), &source); err != nil {
			panic(err)
		}
		if err := answers.Encode(parse(source)); err != nil {
			panic(err)
		}
	}
}
