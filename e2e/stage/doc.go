// Package stage is where stories and faults play: the cluster of built programs on real services, a campaign with people
// who click, and the judge. An oracle that stands outside of all processes and is never killed sends every click under a
// name of its own and compares what was answered with what was stored.
//
//	func TestMain(m *testing.M) { os.Exit(stage.Main(m)) }
//
//	func TestD4(t *testing.T) {
//		fault := stage.NewFault(t, "D4")              // prints the row of its id; fails when nothing was struck
//		s := stage.For(t)                             // a campaign on the shared cluster
//		plan := fault.Blows(stage.Full(10, 3), ...)   // the same for the same seed
//		found := s.Strike(t, stage.People{AtLeast: 20000, PerSecond: 500}, func() { ... fault.Struck("mysqld killed") })
//		fault.Judged(found)
//	}
package stage
