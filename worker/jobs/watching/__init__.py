"""What people are told of jobs: lists, why they wait, their relatives, logs and the reasons of failures."""
