package resolve

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
)

// metrics holds the children of every label already resolved.
type metrics struct {
	memory, redis, database, refused, unavailable prometheus.Counter
	discarded, redisErrors                        prometheus.Counter
	busSilent                                     prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer, r *Resolver) *metrics {
	tiers := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "longtail_resolve_total",
		Help: "Lookups by the tier that answered: memory for each click, redis and mysql for each load, check for codes refused without one, none when nobody could.",
	}, []string{"tier"})
	m := &metrics{
		memory: tiers.WithLabelValues("memory"), redis: tiers.WithLabelValues("redis"),
		database: tiers.WithLabelValues("mysql"), refused: tiers.WithLabelValues("check"),
		unavailable: tiers.WithLabelValues("none"),
		discarded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "longtail_resolve_discarded_total",
			Help: "Loads read again because an edit or an epoch overtook them.",
		}),
		redisErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "longtail_resolve_redis_errors_total",
			Help: "Exchanges with Redis that failed, were refused by the breaker or brought an unreadable value.",
		}),
		busSilent: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "longtail_bus_silent", Help: "1 while no message has come over the bus for a second.",
		}),
	}
	reg.MustRegister(tiers, m.discarded, m.redisErrors, m.busSilent)
	gauge := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("longtail_cache_bytes", "Weight of the memory tier.", func() float64 { return float64(r.memory.cache.WeightedSize()) })
	gauge("longtail_cache_entries", "Codes in the memory tier.", func() float64 { return float64(r.memory.cache.EstimatedSize()) })
	gauge("longtail_resolve_epoch", "Rises when the bus falls silent and when it speaks again.", func() float64 { return float64(r.epoch.Load()) })
	gauge("longtail_changes_age_seconds", "Time since the feed of changes was last read to its end.", r.feedAge)
	gauge("longtail_breaker_database", "Breaker of the database's lookups: 0 closed, 1 half open, 2 open.", func() float64 { return state(r.breaker) })
	if r.shared != nil {
		gauge("longtail_breaker_redis", "Breaker of Redis: 0 closed, 1 half open, 2 open.", func() float64 { return state(r.shared.breaker) })
	}
	return m
}

func state(b *gobreaker.TwoStepCircuitBreaker[struct{}]) float64 { return float64(b.State()) }
