// Sends a large body with net/http, COUNT times: ADDRESS METHOD PATH SIZE HOW COUNT.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	address, method, path, how := os.Args[1], os.Args[2], os.Args[3], os.Args[5]
	size, _ := strconv.Atoi(os.Args[4])
	count, _ := strconv.Atoi(os.Args[6])
	client := &http.Client{
		Timeout:   60 * time.Second,
		Transport: &http.Transport{ExpectContinueTimeout: 5 * time.Second},
	}
	body := bytes.Repeat([]byte("a"), size)
	var statuses []string
	ask := func(request *http.Request) {
		answer, err := client.Do(request)
		if err != nil {
			statuses = append(statuses, strings.ReplaceAll(err.Error(), " ", "_"))
			return
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		statuses = append(statuses, strconv.Itoa(answer.StatusCode))
	}
	for n := 0; n < count; n++ {
		var sent io.Reader = bytes.NewReader(body)
		if how == "chunked" {
			sent = io.MultiReader(sent)
		}
		request, _ := http.NewRequest(method, address+path, sent)
		request.Header.Set("Content-Type", "application/json")
		if how == "expect" {
			request.Header.Set("Expect", "100-continue")
		}
		request.Close = how == "close"
		ask(request)
		healthy, _ := http.NewRequest("GET", address+"/healthz", nil)
		ask(healthy)
	}
	fmt.Println(strings.Join(statuses, " "))
}
