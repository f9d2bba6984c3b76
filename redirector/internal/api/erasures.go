package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// Erasures take recipients out of what is stored. The work is done behind the clicks' way, by a job.
type Erasures interface {
	// CreateErasure is durable when it returns: clicks of before that arrive later are anonymised.
	CreateErasure(ctx context.Context, account uint32, recipient string) (storage.Job, error)
	Job(ctx context.Context, account uint32, id [16]byte) (storage.Job, error)
}

func (s *server) erasureRoutes() {
	register(s, call{method: http.MethodDelete, path: "/api/v1/recipients/{recipient}", id: "erase-recipient",
		summary: "Take a recipient out of all campaigns of the account: clicks and figures stay, whose they were does not",
		role:    account.Admin, status: http.StatusAccepted}, s.eraseRecipient)
	register(s, call{method: http.MethodGet, path: "/api/v1/jobs/{id}", id: "get-job", summary: "How far a job is", role: account.Read}, s.getJob)
}

// jobView is a job as callers see it. It never tells the recipient.
type jobView struct {
	ID        string        `json:"id"`
	Kind      string        `json:"kind" enum:"erase"`
	State     string        `json:"state" enum:"waiting,running,done" doc:"An erasure runs for about a minute: what was being stored when it began is looked for again. Clicks that are still on a redirector's disk or in the queue when it is done are anonymised when they arrive."`
	CreatedAt moment        `json:"created_at"`
	DoneAt    *moment       `json:"done_at" nullable:"true"`
	Result    *erasedResult `json:"result,omitempty" doc:"What was found so far."`
}

type erasedResult struct {
	Campaigns   int `json:"campaigns" doc:"In which the recipient had clicked."`
	DeadLetters int `json:"dead_letters" doc:"That named the recipient."`
}

var jobStates = map[storage.JobState]string{storage.JobWaiting: "waiting", storage.JobRunning: "running", storage.JobDone: "done"}

func viewJob(j storage.Job) (v jobView, err error) {
	v = jobView{ID: hex.EncodeToString(j.ID[:]), Kind: j.Kind, State: jobStates[j.State], CreatedAt: moment(j.CreatedMS), DoneAt: orNull(j.DoneMS)}
	if j.Result != nil {
		if err = json.Unmarshal(j.Result, &v.Result); err != nil {
			err = fmt.Errorf("decode result of a job: %w", err)
		}
	}
	return v, err
}

type acceptedJob struct {
	Location string `header:"Location" doc:"Where the job is."`
	Body     jobView
}

func (s *server) eraseRecipient(ctx context.Context, who account.Principal, in *struct {
	ForAccount
	Recipient string `path:"recipient"`
}) (*acceptedJob, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	if !link.ValidRecipient(in.Recipient) {
		return nil, problem.New(problem.Invalid, problem.Field{Field: "recipient", Rule: problem.RuleShape, Detail: "1 to 64 of A-Z a-z 0-9 - _"})
	}
	job, err := s.erasures.CreateErasure(ctx, owner, in.Recipient)
	if err != nil {
		return nil, err
	}
	view, err := viewJob(job)
	return &acceptedJob{Location: "/api/v1/jobs/" + view.ID, Body: view}, err
}

type jobAnswer struct{ Body jobView }

func (s *server) getJob(ctx context.Context, who account.Principal, in *struct {
	ForAccount
	ID string `path:"id"`
}) (*jobAnswer, error) {
	owner, err := in.owner(ctx, s, who)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(in.ID)
	if err != nil || len(raw) != 16 {
		return nil, link.ErrNotFound
	}
	job, err := s.erasures.Job(ctx, owner, [16]byte(raw))
	if err != nil {
		return nil, err
	}
	view, err := viewJob(job)
	return &jobAnswer{view}, err
}
