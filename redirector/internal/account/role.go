package account

import (
	"context"
	"fmt"
	"strconv"

	"longtail/shared/storage"
)

// Role is what a key may do, in the numbers of the table api_keys. Each role may do what the ones before it may.
type Role uint8

// The roles.
const (
	Read     Role = 1
	Write    Role = 2
	Admin    Role = 3
	Operator Role = 4 // the installation: ops and accounts
)

var roleNames = [...]string{Read: "read", Write: "write", Admin: "admin", Operator: "operator"}

// String returns the role's word.
func (r Role) String() string {
	if r < Read || r > Operator {
		return fmt.Sprintf("role %d", uint8(r))
	}
	return roleNames[r]
}

// ParseRole reads a role's word.
func ParseRole(word string) (Role, error) {
	for r := Read; r <= Operator; r++ {
		if roleNames[r] == word {
			return r, nil
		}
	}
	return 0, fmt.Errorf("role %q: want read, write, admin or operator", word)
}

// A Principal is who asks, once the key is proven.
type Principal struct {
	Account  uint32
	Key      KeyID // zero for the bootstrap key
	Role     Role
	RatePerS int   // requests a second; 0 = the installation's rate
	Hosts    Hosts // to which links may lead that it makes or edits
}

// May reports whether the principal's role includes another.
func (p Principal) May(r Role) bool { return p.Role >= r }

// Scope names the account in cursors.
func (p Principal) Scope() string { return strconv.FormatUint(uint64(p.Account), 10) }

// Acts returns a context in which what is changed is noted in the principal's name.
func (p Principal) Acts(ctx context.Context) context.Context {
	return storage.AsActor(ctx, p.Key.String())
}
