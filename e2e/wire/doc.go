// Package wire is a TCP proxy for tests that puts faults on the way between a program and a service: it delays, throttles,
// stalls, loses one direction, refuses and cuts, and a watcher sees the bytes so that it can cut at a chosen moment of the
// protocol.
//
//	p, err := wire.Listen(fmt.Sprintf("127.0.0.1:%d", redis.Port))   // on a free port of 127.0.0.1
//	defer p.Close()                                                  // ends every goroutine and connection
//	url := fmt.Sprintf("redis://127.0.0.1:%d/0", p.Port())           // what the program is told
//
//	p.Delay(wire.Both, 50*time.Millisecond)   // each byte arrives that much later
//	p.Throttle(wire.Down, 10_000)             // bytes a second of each connection
//	p.Stall(wire.Both)                        // nothing moves, nothing is lost, nothing ends; new ones are accepted, not answered
//	p.Lose(wire.Up)                           // half-open: what the program says vanishes, what it is told arrives
//	p.Refuse()                                // new connections are reset
//	n := p.Cut()                              // resets all that are open; the next ones are served
//	p.Heal()                                  // ends all of that, and resets the connections that have lost bytes
//
//	p.Accepted(); p.Cuts(); p.Bytes(wire.Up)  // what happened, for the row of a fault
//
// A cluster's programs go through proxies when stack.Options.Route says so; it is called once, when the services are there and the programs are not:
//
//	var redis *wire.Proxy
//	c := stage.Own(t, stack.Options{Redirectors: 2, Workers: 1, Route: func(c *stack.Cluster) (map[string]string, error) {
//		var err error
//		if redis, err = wire.Listen(fmt.Sprintf("127.0.0.1:%d", c.Redis.Port)); err != nil {
//			return nil, err
//		}
//		t.Cleanup(func() { redis.Close() })   // here: it is closed after the cluster then, which needs it to stop
//		return map[string]string{"LONGTAIL_REDIS_URL": "redis://" + redis.Addr() + "/0"}, nil
//	}})
//
// All programs go through them, the migration included; the test's own questions (c.MySQL.DSN, package evidence) do not.
// Programs that are to go through different proxies are each told so by Cluster.Reroute, before their next start.
//
// The connection between COMMIT and its answer:
//
//	p.Watch(wire.AtCommit("INSERT INTO clicks", func() wire.Moment { return wire.BeforeOK }))   // committed, and nobody is told
package wire
