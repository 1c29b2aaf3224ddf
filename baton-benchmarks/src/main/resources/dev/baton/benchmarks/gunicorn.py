bind = "127.0.0.1:${port}"
backlog = 4096
workers = 2
worker_class = "gthread"
threads = 16
keepalive = 75
wsgi_app = "application:application"
chdir = "${dir}"
