package edge

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics holds the children of every label already resolved: counting a redirect looks nothing up.
type metrics struct {
	redirects [outcomes]prometheus.Counter
	seconds   prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	redirects := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "longtail_redirects_total",
		Help: "Answers on the public address, by what they were.",
	}, []string{"result"})
	m := &metrics{seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "longtail_redirect_seconds",
		Help:    "Time from a request's arrival to its answer, of those that are a code's.",
		Buckets: []float64{.00001, .000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 2.5},
	})}
	for o := range outcomes {
		m.redirects[o] = redirects.WithLabelValues(o.String())
	}
	reg.MustRegister(redirects, m.seconds)
	return m
}

func (m *metrics) observe(o Outcome, took time.Duration) {
	m.redirects[o].Inc()
	if o != Service {
		m.seconds.Observe(took.Seconds())
	}
}
