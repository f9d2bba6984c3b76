package spool

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Kinds of what is kept aside.
const (
	kindDamaged = "damaged" // no frame, with good ones behind it
	kindTorn    = "torn"    // no frame, at the end
	kindVersion = "version" // a whole frame or segment of a version that is not ours
	kindHeader  = "header"  // a segment's header
)

type metrics struct {
	recorded    *atomic.Int64 // read by a counter function: an atomic add is all that a click pays
	lost        *atomic.Int64
	quarantined *prometheus.CounterVec
	failedSyncs prometheus.Counter
}

func newMetrics(r prometheus.Registerer, s *Spool) metrics {
	m := metrics{
		recorded: new(atomic.Int64), lost: new(atomic.Int64),
		quarantined: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "longtail_spool_quarantined_total", Help: "Records of the spool that could not be read and are kept aside."}, []string{"kind"}),
		failedSyncs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "longtail_spool_failed_syncs_total", Help: "Syncs that failed; what they were to keep was written elsewhere."}),
	}
	for _, kind := range []string{kindDamaged, kindTorn, kindVersion, kindHeader} {
		m.quarantined.WithLabelValues(kind)
	}
	r.MustRegister(m.quarantined, m.failedSyncs,
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "longtail_clicks_recorded_total", Help: "Clicks written to the spool."}, func() float64 { return float64(m.recorded.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "longtail_clicks_unrecorded_total", Help: "Clicks answered while the spool was full."}, func() float64 { return float64(m.lost.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "longtail_spool_clicks", Help: "Clicks in the spool that are not handed over."}, func() float64 { return float64(s.Stats().Clicks) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "longtail_spool_bytes", Help: "Bytes of the spool's segments."}, func() float64 { return float64(s.used.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "longtail_oldest_click_seconds", Help: "Age of the oldest click in the spool."}, func() float64 { return s.oldestSeconds() }))
	return m
}

func (s *Spool) oldestSeconds() float64 {
	oldest := s.Stats().OldestMS
	if oldest == 0 {
		return 0
	}
	return time.Duration((s.o.Clock.MS() - oldest) * int64(time.Millisecond)).Seconds()
}
