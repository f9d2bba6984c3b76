// Package api is what email platforms talk to: it parses requests, calls the rooms links and stats in the name of the
// key's account, and renders answers and problems. The OpenAPI document is made from the same routes.
//
// Place on the click's way: beside it. Links come in here, figures go out.
package api
