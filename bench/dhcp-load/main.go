// Runs four-way DHCP exchanges at a fixed rate, and prints the result as one JSON line.
//
// Usage, as a relay agent for DHCPv4, and on the link of the server for DHCPv6:
//
//	dhcp-load -macs FILE -rate N -seconds S -relay OWN-ADDRESS -server ADDRESS
//	dhcp-load -macs FILE -rate N -seconds S -link INTERFACE
//
// It sends the messages of perfdhcp, but many of them with each system call, and has a large receive buffer.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Result is the output.
type Result struct {
	// Started is the number of exchanges whose first message was sent.
	Started int `json:"started"`
	// Completed is the number of those whose ACK or REPLY arrived.
	Completed int `json:"completed"`
	// Dropped is the number of datagrams that did not fit in the receive buffer of this program.
	Dropped int `json:"dropped"`
	// SendingSeconds is the time in which exchanges were started, and the others are this program's processor time in it.
	SendingSeconds float64 `json:"sendingSeconds"`
	UserSeconds    float64 `json:"userSeconds"`
	SystemSeconds  float64 `json:"systemSeconds"`
	// Milliseconds from the first message of an exchange to the last one.
	AverageMs float64 `json:"averageMs"`
	LongestMs float64 `json:"longestMs"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dhcp-load:", err)
		os.Exit(1)
	}
}

func run() error {
	macsPath := flag.String("macs", "", "file with a MAC address in each line")
	rate := flag.Int("rate", 0, "exchanges per second")
	seconds := flag.Int("seconds", 0, "time in which exchanges are started")
	relay := flag.String("relay", "", "DHCPv4: own address, of the relay agent")
	server := flag.String("server", "", "DHCPv4: address of the server")
	link := flag.String("link", "", "DHCPv6: interface on the link of the server")
	flag.Parse()
	if *rate < 1 || *seconds < 1 {
		return fmt.Errorf("expected -rate and -seconds of 1 or more")
	}
	macs, err := readMacs(*macsPath)
	if err != nil {
		return err
	}
	// One core: more threads would only compete for it. The loop allocates nothing.
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	debug.SetGCPercent(-1)

	var client protocol
	var socket *socket
	if *link == "" {
		client, socket, err = openRelay(macs, *relay, *server)
	} else {
		client, socket, err = openLink(macs, *link)
	}
	if err != nil {
		return err
	}
	load := newLoad(client, socket, *rate, time.Duration(*seconds)*time.Second, len(macs))
	result, err := load.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func readMacs(path string) ([]net.HardwareAddr, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var macs []net.HardwareAddr
	for _, line := range strings.Fields(string(text)) {
		mac, err := net.ParseMAC(line)
		if err != nil {
			return nil, err
		}
		if len(mac) != 6 {
			return nil, fmt.Errorf("expected 6 bytes in %s", line)
		}
		macs = append(macs, mac)
	}
	if len(macs) == 0 {
		return nil, fmt.Errorf("no MAC address in %s", path)
	}
	return macs, nil
}
