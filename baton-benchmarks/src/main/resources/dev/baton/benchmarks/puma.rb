bind 'tcp://127.0.0.1:${port}?backlog=4096'
workers 2
threads 16, 16
persistent_timeout 75
environment 'production'
quiet

app do |env|
  sleep env['QUERY_STRING'][/ms=(\d+)/, 1].to_i / 1000.0 if env['PATH_INFO'] == '/slow'
  headers = { 'Content-Type' => 'text/plain', 'X-Pid' => Process.pid.to_s, 'X-Generation' => '0' }
  [200, headers, ["Hello, world!\n"]]
end
