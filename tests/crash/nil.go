// A nil pointer, in a goroutine of its own where told so by the name of the program.
package main

import (
	"os"
	"runtime/debug"
	"strings"
)

type target struct{ place *int }

//go:noinline
func (t *target) read() int { return *t.place }

//go:noinline
func middle(n int) int { return (&target{}).read() + n }

//go:noinline
func outer(n int) int { return middle(n) + 1 }

func main() {
	// So that a core is left.
	debug.SetTraceback("crash")
	if !strings.Contains(os.Args[0], "goroutine") {
		println(outer(3))
	}
	done := make(chan int)
	go func() { done <- outer(3) }()
	println(<-done)
}
