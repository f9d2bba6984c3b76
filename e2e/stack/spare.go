package stack

// Redirector prepares one more redirector, with the cluster's settings and its spool on a volume of its own. It is not
// behind the load balancer and not among Processes: its maker starts and stops it. Its own settings win over the cluster's.
func (c *Cluster) Redirector(name, volume string, own ...map[string]string) (*Program, error) {
	settings := c.settings
	settings.Forced = merged(append([]map[string]string{settings.Forced, {"LONGTAIL_DATA_DIR": volume}}, own...)...)
	return Redirector(name, c.data(name), settings)
}
