// Package cli is the program tokenkeep: its commands, one file each, and what
// they share.
//
// Start reading at [Main]. An [App] is one run of the program. Settings come
// from package config, the streams from package ui, the store from package
// stores; session.go finds the login that a command is about and makes the
// Keeper for it. Every error ends in exit.go, which turns it into an exit code,
// and in report.go, which shows it with the step that fixes it.
package cli
