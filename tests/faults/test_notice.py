"""cluster/spot-notice.sh against a metadata service of our own on the loop-back address."""
import http.server
import pathlib
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

SCRIPT = harness.ROOT / "cluster/spot-notice.sh"


class Cloud(http.server.BaseHTTPRequestHandler):
    noticed = False
    asked = 0

    def reply(self, code, text=""):
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        self.reply(200 if self.path == "/latest/api/token" else 404, "token-7")

    def do_GET(self):
        cls = type(self)
        cls.asked += 1
        if self.path == "/latest/meta-data/spot/instance-action":
            if self.headers["X-aws-ec2-metadata-token"] != "token-7":
                self.reply(401)
            else:
                self.reply(200, '{"action": "terminate"}') if cls.noticed else self.reply(404)
        elif self.path == "/computeMetadata/v1/instance/preempted" and self.headers["Metadata-Flavor"] == "Google":
            self.reply(200, "TRUE" if cls.noticed else "FALSE")
        elif self.path.startswith("/metadata/scheduledevents") and self.headers["Metadata"] == "true":
            self.reply(200, '{"Events": [{"EventType": "%s"}]}' % ("Preempt" if cls.noticed else "Freeze"))
        else:
            self.reply(404)

    def log_message(self, *_):
        pass


class Notice(harness.Case):
    def setUp(self):
        if not harness.shutil.which("curl"):
            self.skipTest("curl is not installed")
        Cloud.noticed, Cloud.asked = False, 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.env = dict(NOTICE_URL=f"http://127.0.0.1:{self.server.server_port}", NOTICE_POLL_S="0.1")

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def watch(self, *args):
        return subprocess.Popen([SCRIPT, *map(str, args)], env=harness.clean_environment(**self.env),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def asked_twice(self):
        end = time.monotonic() + 20
        while Cloud.asked < 2 and time.monotonic() < end:
            time.sleep(0.02)

    def test_each_cloud_touches_the_stop_file(self):
        for cloud in ("aws", "gcp", "azure", "auto"):
            with self.subTest(cloud=cloud):
                Cloud.noticed, Cloud.asked = False, 0
                stop = self.dir / f"stop-{cloud}"
                w = self.watch(cloud, "--touch", stop)
                self.asked_twice()
                self.assertIsNone(w.poll())
                self.assertFalse(stop.exists(), "a notice before there was one")
                Cloud.noticed = True
                self.assertEqual(w.wait(20), 0)
                self.assertTrue(stop.exists())

    def test_pid_gets_usr2(self):
        victim = subprocess.Popen(["sleep", "60"])
        w = self.watch("gcp", "--pid", victim.pid)
        self.asked_twice()
        Cloud.noticed = True
        self.assertEqual(victim.wait(20), -signal.SIGUSR2)
        self.assertEqual(w.wait(20), 0)

    def test_ends_with_its_program(self):
        victim = subprocess.Popen(["sleep", "60"])
        w = self.watch("aws", "--pid", victim.pid)
        self.asked_twice()
        victim.kill()
        victim.wait()
        self.assertEqual(w.wait(20), 0)

    def test_usage(self):
        for args in ((), ("aws",), ("mars", "--touch", "x"), ("aws", "--pid", "me")):
            with self.subTest(args=args):
                self.assertEqual(self.watch(*args).wait(20), 64)


if __name__ == "__main__":
    harness.main()
