package stack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// visitLimit bounds one visit: the first one of a name waits for its certificate.
const visitLimit = 15 * time.Second

// A Visitor asks by name behind a front as if DNS led every name to it, and trusts nobody but the front's own authority.
type Visitor struct{ transport http.Transport }

// NewVisitor visits the front whose ports for https and http are given. root is its authority's certificate, in PEM.
func NewVisitor(httpsPort, httpPort int, root []byte) (*Visitor, error) {
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(root) {
		return nil, errors.New("there is no certificate of an authority")
	}
	return &Visitor{http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: authority}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			port := httpsPort
			if strings.HasSuffix(addr, ":80") {
				port = httpPort
			}
			return new(net.Dialer).DialContext(ctx, network, loopback(port))
		},
	}}, nil
}

// Get asks once, on a new connection, follows no redirect and reads no body.
func (v *Visitor) Get(ctx context.Context, url string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, visitLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := v.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}
