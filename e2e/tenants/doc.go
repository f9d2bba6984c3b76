// Package tenants tells how several accounts live in one installation: each with its keys, its domains and its HTTPS, on
// a cluster of built programs, with a DNS server of its own and Debian's Caddy.
package tenants
