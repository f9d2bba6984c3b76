// Package stack starts what the click's way stands on, private and for one test or one cluster: MariaDB, Redis,
// RabbitMQ and HAProxy from the installed binaries, and Longtail's own built programs. Every service listens on
// 127.0.0.1 on a port of its own, keeps everything in the folder it was given, can be killed with -9 at any moment and
// started again on the same port and folder, and never outlives the process that started it.
//
// In a test:
//
//	db := stack.Private(t, stack.MariaDB)     // *stack.Database: started, stopped at the end of the test
//	db.DSN()                                  // "longtail:longtail@tcp(127.0.0.1:PORT)/longtail"
//	db.RootDSN()                              // the same as root, without a database
//	mq := stack.Private(t, stack.RabbitMQ)    // *stack.Broker
//	mq.URL()                                  // "amqp://guest:guest@127.0.0.1:PORT/"
//	r := stack.Private(t, stack.Redis)        // *stack.Cache
//	r.URL()                                   // "redis://127.0.0.1:PORT/0"
//
// Elsewhere, and where one instance serves a whole test binary (TestMain):
//
//	db, err := stack.MariaDB(ctx, dir)        // ctx bounds the start only; dir is made when it is missing
//	defer db.Close()                          // TERM, then KILL after a grace
//
// Each of them embeds a *Process:
//
//	p.Name, p.Dir, p.Port, p.LogPath          // what and where
//	p.PID()                                   // of the process itself, never of a wrapper
//	p.Kill9()                                 // SIGKILL, returns when it is gone
//	p.Term(ctx)                               // SIGTERM, returns when it is gone, or with ctx's error
//	p.Pause(), p.Cont()                       // SIGSTOP, SIGCONT
//	p.Start(ctx)                              // again, on the same port and folder, after Kill9, Term or a crash
//	p.Restart(ctx)                            // Kill9 if it is alive, then Start
//	p.WaitReady(ctx)                          // it answers in its own protocol
//	p.Exited()                                // a channel that closes when the present incarnation is gone
//	p.Tail(n)                                 // last n lines of the log
//
// A missing binary is installed with apt-get where that is possible (root on Debian); elsewhere the error says what is
// needed.
package stack
