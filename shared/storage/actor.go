package storage

import "context"

type actorKey struct{}

// AsActor returns a context in whose name the catalog is changed: what changes writes a row of audit with it. actor is
// at most 64 bytes, such as the id of an API key.
func AsActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// actor returns who asks, "" if nobody was named.
func actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name[:min(len(name), 64)]
}
