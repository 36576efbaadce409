// Boots simulated nodes from any network boot server, all at the same time, and prints the result as one JSON line.
//
// Every node sends the requests of a real machine: PXE firmware, iPXE, the live system with its installer, and the first
// start of the installed system. It uses only what the server sent in its replies, so the same program boots nodes from
// slipway and from other servers. It runs behind a relay agent, whose address is on this machine, and each node has an
// address of its own.
//
// Usage: rack-client FILE, a JSON file with a Config.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"syscall"
	"time"
)

// Config is the input.
type Config struct {
	Server string `json:"server"`
	// Others are more appliances of the same site. The relay agent sends to all of them, and a node uses the one that answers
	// first.
	Others []string `json:"others"`
	// Relay is the address of the relay agent, to which the server sends its DHCP replies.
	Relay string `json:"relay"`
	// Domain of the cluster: nodes query api.DOMAIN and others.
	Domain string `json:"domain"`
	// Steps is "boot" for the whole boot, "tftp" for TftpFile alone, or "download" for URL alone.
	Steps    string `json:"steps"`
	TftpFile string `json:"tftpFile"`
	URL      string `json:"url"`
	// WindowSize is the number of blocks per ACK that TFTP clients request (RFC 7440), and BlockSize their size.
	WindowSize int `json:"windowSize"`
	BlockSize  int `json:"blockSize"`
	// TftpTimeoutMs is the time after which a TFTP client repeats its last packet.
	TftpTimeoutMs int `json:"tftpTimeoutMs"`
	// LossPercent of the TFTP packets are lost in each direction, and ReorderPercent of those received arrive late.
	LossPercent    float64 `json:"lossPercent"`
	ReorderPercent float64 `json:"reorderPercent"`
	Seed           int64   `json:"seed"`
	// MaxBytes is read of each image; 0 reads all of it.
	MaxBytes     int64  `json:"maxBytes"`
	LimitSeconds int    `json:"limitSeconds"`
	Nodes        []Node `json:"nodes"`
}

// Node is a machine that boots.
type Node struct {
	Name    string `json:"name"`
	Mac     string `json:"mac"`
	Address string `json:"address"`
}

// Result is the output. Times are in seconds.
type Result struct {
	Elapsed float64 `json:"elapsed"`
	Booted  int     `json:"booted"`
	// Steps has the median duration of each step, in the order of the boot.
	Steps []StepTime `json:"steps"`
	// Repeated counts requests that were sent again after a time-out or a refusal.
	Repeated map[string]int `json:"repeated"`
	Errors   []string       `json:"errors"`
	// Processor time of this program.
	Processor float64 `json:"processor"`
	Bytes     int64   `json:"bytes"`
}

// StepTime is one step of the boot.
type StepTime struct {
	Name   string  `json:"name"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "rack-client:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("expected one argument, a JSON file")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var config Config
	if err := json.Unmarshal(text, &config); err != nil {
		return err
	}
	// The program has one core. More threads would only compete for it.
	runtime.GOMAXPROCS(1)
	rack := &Rack{Config: config, times: map[string][]float64{}, repeated: map[string]int{}}
	if config.Steps == "boot" {
		if rack.dhcp, err = openRelay(rack); err != nil {
			return err
		}
	}
	rack.deadline = time.Now().Add(time.Duration(config.LimitSeconds) * time.Second)
	return json.NewEncoder(os.Stdout).Encode(rack.bootAll())
}

// Rack is what all nodes share.
type Rack struct {
	Config
	dhcp     *relay
	deadline time.Time

	mutex    sync.Mutex
	order    []string
	times    map[string][]float64
	repeated map[string]int
	bytes    int64
}

func (rack *Rack) bootAll() Result {
	errs := make([]error, len(rack.Nodes))
	var waiting sync.WaitGroup
	started := time.Now()
	for index := range rack.Nodes {
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			machine := &machine{Node: rack.Nodes[index], rack: rack, index: index, server: rack.Server}
			switch rack.Steps {
			case "tftp":
				errs[index] = machine.readFile(rack.TftpFile)
			case "download":
				errs[index] = machine.downloadOnly(rack.URL)
			default:
				errs[index] = machine.boot()
			}
		}()
	}
	waiting.Wait()
	result := Result{Elapsed: time.Since(started).Seconds(), Repeated: rack.repeated, Errors: []string{}, Bytes: rack.bytes}
	for index, err := range errs {
		if err == nil {
			result.Booted++
		} else if len(result.Errors) < 5 {
			result.Errors = append(result.Errors, fmt.Sprintf("%s: %v", rack.Nodes[index].Name, err))
		}
	}
	for _, name := range rack.order {
		times := rack.times[name]
		sort.Float64s(times)
		result.Steps = append(result.Steps, StepTime{name, times[len(times)/2], times[len(times)-1]})
	}
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	result.Processor = time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
	return result
}

// step runs one step of a boot and records its duration.
func (rack *Rack) step(name string, run func() error) error {
	started := time.Now()
	if err := run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	seconds := time.Since(started).Seconds()
	rack.mutex.Lock()
	defer rack.mutex.Unlock()
	if _, known := rack.times[name]; !known {
		rack.order = append(rack.order, name)
	}
	rack.times[name] = append(rack.times[name], seconds)
	return nil
}

func (rack *Rack) countRepeated(what string) {
	rack.mutex.Lock()
	defer rack.mutex.Unlock()
	rack.repeated[what]++
}

func (rack *Rack) countBytes(count int64) {
	rack.mutex.Lock()
	defer rack.mutex.Unlock()
	rack.bytes += count
}
