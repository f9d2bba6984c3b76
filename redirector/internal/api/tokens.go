package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
)

func (s *server) tokenRoutes() {
	register(s, call{method: http.MethodPost, path: "/api/v1/campaigns/{campaign}/tokens", id: "make-tokens",
		summary: "Sign recipients of a campaign, one JSON object a line; platforms can do the same with a signing key, without a call",
		role:    account.Write, body: recipientBody{}, media: linesTypes[0], answers: linesTypes[0]}, s.makeTokens)
}

// recipientBody names whom a token is for.
type recipientBody struct {
	Recipient string `json:"recipient" doc:"1 to 64 of A-Z a-z 0-9 - _; capitals do not matter. Never an address: encode other ids as hexadecimal digits."`
}

// tokenView is a line of the answer.
type tokenView struct {
	Recipient string `json:"recipient"`
	Token     string `json:"token"`
}

// makeTokens signs recipients with the campaign's present key. Like every answer of lines it reads the whole request first.
func (s *server) makeTokens(ctx context.Context, who account.Principal, in *InCampaign) (*lineStream, error) {
	if !links.ValidCampaign(in.Campaign) {
		return nil, problem.New(problem.NotFound)
	}
	file, err := s.keepLines(of(ctx), linesTypes)
	if err != nil {
		return nil, err
	}
	key := link.NewCampaignKey(s.secrets[0], who.Account, in.Campaign)
	return s.stream(ctx, file, func(_ context.Context, out *lines) error {
		return writeTokens(bufio.NewReaderSize(file, 64<<10), out, &key)
	}), nil
}

func writeTokens(in *bufio.Reader, out *lines, key *link.CampaignKey) error {
	done := bulkDone{Done: true}
	for line := 1; ; line++ {
		raw, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return out.end(done)
		}
		if err != nil && !errors.Is(err, errLong) {
			return fmt.Errorf("read kept lines: %w", err)
		}
		var answer any
		if recipient, err := parseRecipient(raw, err); err != nil {
			done.Failed++
			answer = bulkFailed{problem.Of(err).AtLine(line)}
		} else {
			done.Created++
			answer = tokenView{recipient, key.Token(recipient)}
		}
		if err := out.put(answer); err != nil {
			return err
		}
	}
}

// parseRecipient reads one line; tooLong is what reading it said.
func parseRecipient(raw []byte, tooLong error) (string, error) {
	var body recipientBody
	if err := decodeLine(raw, tooLong, &body); err != nil {
		return "", err
	}
	var bad problem.Fields
	switch {
	case body.Recipient == "":
		bad.Add("recipient", problem.RuleRequired, "whom the token is for")
	case !link.ValidRecipient(body.Recipient):
		bad.Add("recipient", problem.RuleShape, "1 to 64 of A-Z a-z 0-9 - _; no address belongs in a URL")
	}
	return body.Recipient, bad.Err()
}
