package rabbit

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestTheDeliveryLimitDependsOnTheServersVersion(t *testing.T) {
	for major, want := range map[int]any{0: nil, 3: nil, 4: int32(-1), 5: int32(-1)} {
		for _, args := range []amqp.Table{clicksArguments(major), deadArguments(major)} {
			if err := args.Validate(); err != nil {
				t.Error(err)
			}
			if got := args["x-delivery-limit"]; got != want {
				t.Errorf("version %d: limit %v, want %v", major, got, want)
			}
		}
	}
}

// A queue that was made on version 3 and lives on version 4 is used as it is, and only that difference is forgiven.
func TestAQueueFromBeforeVersion4(t *testing.T) {
	twenty := clicksArguments(4)
	twenty["x-delivery-limit"] = int32(20)
	for name, c := range map[string]struct {
		major   int
		exists  amqp.Table
		limited bool
		fails   bool
	}{
		"made by version 3":           {4, clicksArguments(3), true, false},
		"made by version 4":           {4, clicksArguments(4), false, false},
		"still on version 3":          {3, clicksArguments(3), false, false},
		"drops the head":              {4, amqp.Table{"x-queue-type": "quorum", "x-overflow": "drop-head"}, false, true},
		"has another limit":           {4, twenty, false, true},
		"version 4's, on a version 3": {3, clicksArguments(4), false, true},
	} {
		limited, err := declareEither(clicksArguments(c.major), func(args amqp.Table) error {
			if reflect.DeepEqual(args, c.exists) {
				return nil
			}
			return fmt.Errorf("%w: inequivalent arg", ErrTopology)
		})
		if limited != c.limited || errors.Is(err, ErrTopology) != c.fails {
			t.Errorf("%s: limited %t, %v", name, limited, err)
		}
	}
	down := errors.New("connection closed")
	if _, err := declareEither(clicksArguments(4), func(amqp.Table) error { return down }); !errors.Is(err, down) {
		t.Errorf("a broken connection became %v", err)
	}
}

func TestADifferenceIsExplained(t *testing.T) {
	refusal := &amqp.Error{Code: 406, Reason: "PRECONDITION_FAILED - inequivalent arg 'x-overflow'", Server: true}
	err := explain("queue", ClicksQueue, fmt.Errorf("declare: %w", refusal))
	if !errors.Is(err, ErrTopology) || !strings.Contains(err.Error(), "x-overflow") || !strings.Contains(err.Error(), ClicksQueue) {
		t.Errorf("%v: want the queue and what differs", err)
	}
	if err := explain("queue", ClicksQueue, amqp.ErrClosed); errors.Is(err, ErrTopology) || err == nil {
		t.Errorf("a closed channel became %v", err)
	}
}
