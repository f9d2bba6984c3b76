package stack

// Redirector prepares one more redirector, with the cluster's settings and a spool of its own in dir. It is not behind the
// load balancer and not among Processes: its maker starts and stops it.
func (c *Cluster) Redirector(name, dir string) (*Program, error) {
	settings := c.settings
	settings.Forced = merged(settings.Forced, map[string]string{"LONGTAIL_DATA_DIR": dir})
	return Redirector(name, dir, settings)
}
