// Package examples is about the example programs in the folders below; README.md
// lists them. The test here keeps the guides in ../docs true: what they show is
// code of the examples.
package examples
