"""Signals: what the first does, and the second."""

import os
import signal

import pytest

from launch import distributed, stop
from launch.stop import StopRequest

BOTH = [signal.SIGTERM, signal.SIGINT]


def send(signum):
    os.kill(os.getpid(), signum)


@pytest.mark.parametrize("signum", BOTH)
def test_while_there_is_something_to_save_the_first_signal_is_a_wish(signum):
    with StopRequest() as request:
        send(signum)
        assert request.requested


@pytest.mark.parametrize("signum", BOTH)
def test_where_nothing_is_to_be_saved_the_first_signal_ends_it(signum):
    with StopRequest() as request:
        request.nothing_to_save()
        with pytest.raises(KeyboardInterrupt):
            send(signum)
        send(signal.SIGTERM)  # the same notice again, while the report is written


@pytest.mark.parametrize("signum", BOTH)
def test_a_signal_that_came_before_is_not_forgotten(signum):
    with StopRequest() as request:
        send(signum)
        with pytest.raises(KeyboardInterrupt):
            request.nothing_to_save()


def test_a_second_ctrl_c_and_a_later_notice_end_it(monkeypatch):
    with StopRequest() as request:
        send(signal.SIGTERM)
        send(signal.SIGTERM)  # to parent and child at once
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        monkeypatch.setattr(stop, "SAME_NOTICE_SECONDS", -1.0)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
        assert request.requested


@pytest.mark.parametrize("signum", BOTH)
def test_where_others_need_the_process_a_first_signal_is_answered_and_changes_nothing(
    signum, capfd, monkeypatch
):
    with StopRequest() as request:
        request.nothing_to_save()
        request.others_need_us()  # its own work is done
        send(signum)
        assert request.requested
        assert capfd.readouterr().err == stop.HEARD
        monkeypatch.setattr(stop, "SAME_NOTICE_SECONDS", -1.0)
        with pytest.raises(KeyboardInterrupt):
            send(signum)
        assert not capfd.readouterr().err


def test_who_was_asked_to_stop_begins_no_evaluation():
    with StopRequest() as request:
        send(signal.SIGTERM)
        assert not distributed.begin_reading(request)
        assert not request.ends_at_once
    with StopRequest() as request:
        assert distributed.begin_reading(request)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
