package rabbit

import "github.com/prometheus/client_golang/prometheus"

// metrics are those of the hop itself; clicks are counted by its neighbours. Labels are roles: publish, consume, ....
type metrics struct {
	generations *prometheus.GaugeVec
	connected   *prometheus.GaugeVec
	inFlight    *prometheus.GaugeVec
	blocked     prometheus.Gauge
	returned    prometheus.Counter
	refused     prometheus.Counter
	handedBack  prometheus.Counter
	newer       prometheus.Counter
	takenBack   prometheus.Counter
	unreadable  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	gauges := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "longtail_amqp_" + name, Help: help}, []string{"role"})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "longtail_amqp_" + name, Help: help})
	}
	m := &metrics{
		generations: gauges("generation", "Connections made since the start; one with its channel is a generation."),
		connected:   gauges("connected", "Generations that are up now."),
		inFlight:    gauges("in_flight_messages", "Messages published and not confirmed, or delivered and not acknowledged."),
		blocked: prometheus.NewGauge(prometheus.GaugeOpts{Name: "longtail_amqp_blocked",
			Help: "1 while the broker's alarm stops publishing."}),
		returned:   counter("returned_total", "Messages that no queue would take: the queue was gone."),
		refused:    counter("refused_total", "Messages that the broker refused with a nack."),
		handedBack: counter("handed_back_total", "Times that a consumer's unacknowledged messages were handed back."),
		newer:      counter("newer_total", "Messages of a newer format, set aside whole in the dead queue."),
		takenBack:  counter("taken_back_total", "Messages moved from the dead queue back to the queue of clicks."),
		unreadable: counter("unreadable_total", "Messages whose headers could not be read; ingest dead-letters what is in them."),
	}
	r.MustRegister(m.generations, m.connected, m.inFlight, m.blocked, m.returned, m.refused, m.handedBack, m.newer,
		m.takenBack, m.unreadable)
	return m
}
