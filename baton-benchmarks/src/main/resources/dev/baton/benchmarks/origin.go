// The design of the post "Gracefully restarting a GoLang web server": on SIGHUP the server starts itself again, the child
// asks over a Unix socket for the listener (a JSON message and the descriptor as SCM_RIGHTS) and serves; when it was given
// the listener, the parent stops accepting and shuts down.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const requestText = "get_listener"

type passed struct {
	Addr     string `json:"addr"`
	FD       int    `json:"fd"`
	Filename string `json:"filename"`
}

func main() {
	address, control := os.Args[1], os.Args[2]
	listener, err := inherit(control)
	if err != nil {
		listener, err = net.Listen("tcp", address)
	}
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(answer)}
	go server.Serve(listener)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	for range hangups {
		if err := handOver(listener.(*net.TCPListener), control); err != nil {
			log.Println("restart failed:", err)
			continue
		}
		limit, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := server.Shutdown(limit); err != nil {
			log.Println("shutdown:", err)
		}
		return
	}
}

// The parent's side: starts the child, and is done when the child has the listener.
func handOver(listener *net.TCPListener, control string) error {
	os.Remove(control)
	server, err := net.ListenUnix("unix", &net.UnixAddr{Name: control, Net: "unix"})
	if err != nil {
		return err
	}
	defer server.Close()
	server.SetDeadline(time.Now().Add(10 * time.Second))
	child := exec.Command(os.Args[0], os.Args[1:]...)
	child.Env = append(os.Environ(), "RESTARTED=1")
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		return err
	}
	go child.Wait()
	connection, err := server.AcceptUnix()
	if err != nil {
		return err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(10 * time.Second))
	buffer := make([]byte, 64)
	n, err := connection.Read(buffer)
	if err != nil {
		return err
	}
	if string(buffer[:n]) != requestText {
		return errors.New("unknown request " + string(buffer[:n]))
	}
	file, err := listener.File()
	if err != nil {
		return err
	}
	defer file.Close()
	message, err := json.Marshal(passed{listener.Addr().String(), int(file.Fd()), file.Name()})
	if err != nil {
		return err
	}
	_, _, err = connection.WriteMsgUnix(message, syscall.UnixRights(int(file.Fd())), nil)
	return err
}

// The child's side.
func inherit(control string) (net.Listener, error) {
	if os.Getenv("RESTARTED") == "" {
		return nil, errors.New("nobody to inherit from")
	}
	connection, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: control, Net: "unix"})
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if _, err := connection.Write([]byte(requestText)); err != nil {
		return nil, err
	}
	message, rights := make([]byte, 1024), make([]byte, 1024)
	n, m, _, _, err := connection.ReadMsgUnix(message, rights)
	if err != nil {
		return nil, err
	}
	var what passed
	if err := json.Unmarshal(message[:n], &what); err != nil {
		return nil, err
	}
	controls, err := syscall.ParseSocketControlMessage(rights[:m])
	if err != nil {
		return nil, err
	}
	if len(controls) == 0 {
		return nil, errors.New("no descriptor came")
	}
	descriptors, err := syscall.ParseUnixRights(&controls[0])
	if err != nil {
		return nil, err
	}
	return net.FileListener(os.NewFile(uintptr(descriptors[0]), what.Filename))
}

func answer(out http.ResponseWriter, request *http.Request) {
	if request.URL.Path == "/slow" {
		ms, _ := strconv.Atoi(request.URL.Query().Get("ms"))
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
	out.Header().Set("X-Pid", strconv.Itoa(os.Getpid()))
	out.Header().Set("X-Generation", "0")
	fmt.Fprint(out, "Hello, world!\n")
}
