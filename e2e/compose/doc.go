// Package compose runs docker-compose.yml for real: the images built from this repository, the services in containers,
// and people who click through the load balancer while containers die, stop, and become fewer and more. One story adds the
// profile tls, with Caddy's own authority. make test-compose runs it; make test does not, since it needs a Docker daemon
// and minutes of building.
//
// Where no daemon runs, one of its own is started from Debian's docker.io in a temporary folder, and ended with all that
// it made. Where no registry can be reached, that daemon is given stand-ins: images of the same names, made from Debian's
// packages by what is in standins/. The other images are pulled as docker-compose.yml names them.
package compose
