package spool

import (
	"testing"

	"longtail/shared/click"
	"longtail/shared/queue/queuetest"
)

func TestTheSpoolIsAQueue(t *testing.T) {
	queuetest.Run(t, queuetest.Features{Window: 4, OneFeed: true, CountAttempt: true}, func(t *testing.T) queuetest.Queue {
		t.Helper()
		s := open(t, testOptions(t.TempDir()))
		put := func(t *testing.T, clicks []click.Click) {
			t.Helper()
			for _, c := range clicks {
				if err := s.Append(&c); err != nil {
					t.Fatal(err)
				}
			}
		}
		return queuetest.Queue{Source: s, Put: put, Close: s.Close}
	})
}
