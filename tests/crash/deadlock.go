// Goroutines that all wait: no thread runs one of them.
package main

import "runtime/debug"

//go:noinline
func wait(c chan int) int { return <-c }

func main() {
	debug.SetTraceback("crash")
	println(wait(make(chan int)))
}
