package main

// Your users: a database, rather than this.

import (
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

type user struct {
	id, email, name string
	hash            []byte
}

type users struct {
	mutex sync.Mutex
	all   map[string]user
}

func newUsers() *users {
	u := &users{all: map[string]user{"u-1842": {id: "u-1842", email: "ann@mail.example", name: "Ann Other"}}}
	if err := u.setPassword("u-1842", "correct horse battery staple"); err != nil {
		panic(err)
	}
	return u
}

func (u *users) byEmail(email string) (user, bool) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	for _, one := range u.all {
		if one.email == strings.ToLower(email) {
			return one, true
		}
	}
	return user{}, false
}

func (u *users) setPassword(id, password string) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	u.mutex.Lock()
	defer u.mutex.Unlock()
	one := u.all[id]
	one.hash = hash
	u.all[id] = one
	// And end every session of the user here: whoever had got in is out.
	return nil
}

// A hash of what nobody knows, so that a user that does not exist takes the same time.
var nobody, _ = bcrypt.GenerateFromPassword([]byte("of no user"), bcrypt.DefaultCost)

func mayEnter(one user, exists bool, password string) bool {
	hash := nobody
	if exists {
		hash = one.hash
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && exists
}
